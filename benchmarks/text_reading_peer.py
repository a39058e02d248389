"""Answers paths of pictures on stdin with what rapidocr reads in them; run by an interpreter that has rapidocr.

One line of JSON each: `{"seconds": ..., "texts": [...]}`. The time is that of the call, on a decoded picture.
"""

import json
import sys
import time


def main() -> None:
    """Load, warm up, then answer until stdin ends."""
    import cv2
    from rapidocr import RapidOCR

    threads = {"intra_op_num_threads": int(sys.argv[1]), "inter_op_num_threads": 1}
    chosen = {f"EngineConfig.onnxruntime.{key}": value for key, value in threads.items()}
    engine = RapidOCR(params={**chosen, "Global.log_level": "critical"})
    out = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        image = cv2.imread(line.rstrip("\n"))
        start = time.perf_counter()
        result = engine(image)
        seconds = time.perf_counter() - start
        out.write(json.dumps({"seconds": seconds, "texts": list(result.txts or ())}) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
