"""The same graphs again, without measuring: the choices of an earlier run, read from its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantize_choice import FLOAT
from quantize_graph import load
from quantize_inputs import Inputs
from quantize_methods import METHODS, Calibration

from edge.errors import ExportError


def repeat(found: Mapping[str, Inputs], record: Mapping[str, Any], made: Path) -> None:
    """Write the graphs that `record` names into `made`: the same bytes, where float graphs and inputs are the same.

    Args:
        found: role to the float graph and its inputs.
        record: `quantization` of an earlier provenance.
        made: existing folder.

    Raises:
        ExportError: the record is of another model, or was made by other methods.
    """
    graphs: Mapping[str, Any] = record.get("graphs", {})
    if graphs.keys() != found.keys():
        raise ExportError(
            f"the earlier choices are for the graphs {', '.join(graphs) or 'of nothing'}, not for {', '.join(found)}"
        )
    for role, inputs in found.items():
        entry = graphs[role]
        if entry["chosen"] == FLOAT:
            content = inputs.file.read_bytes()
        elif entry["method"] in METHODS:
            _check_inputs(role, inputs, entry)
            calibration = Calibration(inputs.calibration, record["cpu_class"])
            method = METHODS[entry["method"]]
            made_graph = method.make(load(inputs.file), set(entry["excluded"]), calibration)
            content = made_graph.SerializeToString(deterministic=True)
        else:
            raise ExportError(f"{role} was made by {entry['method']!r}, which is not known any more; quantise anew")
        (made / entry["file"]).write_bytes(content)


def _check_inputs(role: str, inputs: Inputs, entry: Mapping[str, Any]) -> None:
    if METHODS[entry["method"]].vision_only and entry["data"] != inputs.data:
        raise ExportError(f"{role} was calibrated on {entry['data']}, not on {inputs.data}; give the same --data")
