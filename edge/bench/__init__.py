"""Measuring this program on this machine: `edge bench`."""
