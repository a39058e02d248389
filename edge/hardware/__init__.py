"""What this machine is and how it feels: processor, board, memory, sensors, meters of energy."""
