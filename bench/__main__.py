"""`python -m bench` lists the benchmarks; `python -m bench NAME …` runs them, `all` runs all.

What begins with a dash is theirs: `python -m bench frameworks --rounds 50`.
"""

from __future__ import annotations

import itertools
import pkgutil
import runpy
import sys

import bench


def main(arguments: list[str]) -> int:
    names = list(itertools.takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(names) :]
    known = {m.name: m for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_")}
    if not names:
        print("usage: make bench ARGS='NAME … [--option …]' (or all)\n")
        for name in sorted(known):
            module = __import__(f"bench.{name}", fromlist=[name])
            print(f"  {name:<16} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0
    worst = 0
    for name in sorted(known) if names == ["all"] else names:
        if name not in known:
            print(f"no benchmark {name!r}; there are: {', '.join(sorted(known))}")
            return 2
        print(f"\n== {name}", flush=True)
        sys.argv = [name, *options]
        try:
            runpy.run_module(f"bench.{name}", run_name="__main__")
        except SystemExit as ended:  # one that ends by itself ends none of the others
            worst = max(worst, int(ended.code or 0))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
