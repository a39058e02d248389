"""What this machine is and how it feels: processor, board, memory, sensors, meters of energy."""

from edge.hardware.identity import machine
from edge.hardware.sensors import condition

__all__ = ["condition", "machine"]
