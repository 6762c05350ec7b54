"""Programs that judge a whole system from outside: `python -m tests.checks.way --seed 1`.

Their oracles import nothing of `services`.
"""
