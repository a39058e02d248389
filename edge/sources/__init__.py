"""The world comes in here: microphones, cameras and recordings become audio chunks and video frames."""
