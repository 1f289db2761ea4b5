"""Growth of a process that records and drains, in MB a million calls.

    python -m bench.memory [--calls 1000000]

Must reach: under 5 MB. The first tenth fills caches and is not counted.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
from pathlib import Path

from bench._home import home_of

STEPS = 10


def resident() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Record in ten steps and print the memory after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, home_of(Path(folder)):
        import finops_pack
        from finops_pack import Usage, recorder

        usage = Usage(input_tokens=4000, cache_read_tokens=3000, output_tokens=200)
        sizes, step = [], args.calls // STEPS
        for number in range(args.calls):
            finops_pack.record(
                model="gpt-4o", provider="openai", usage=usage, task=f"t{number // 20}", action="a"
            )
            if number % 5000 == 4999:
                finops_pack.flush(60)  # else only the backlog would be measured, not the drainer
            if (number + 1) % step == 0:
                gc.collect()
                sizes.append(resident())
                print(f"{number + 1:>10,} calls  {sizes[-1]:7.1f} MB", flush=True)
        finops_pack.flush(60)
        recorder.close()  # before its folder goes
    grown = (sizes[-1] - sizes[0]) / (args.calls - step) * 1e6
    print(f"grows by {grown:.1f} MB a million calls")


if __name__ == "__main__":
    main()
