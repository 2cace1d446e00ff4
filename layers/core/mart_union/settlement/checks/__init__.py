"""The checks of a reconciliation: pure rules over a union's books, a file a subject; `settlement.reconciliation` applies them all.

| invariant (docs/invariants.md) | files |
|---|---|
| 1 money sums to zero, inside and against providers | `transfers`, `reports`, `suspense` |
| 2 floors and running balances | `floors` |
| 3 levels | `levels` |
| 4 a purchase is its orders, its stock and its money | `purchases`, `payments`, `cards`, `units`, `limits` |
| 6 lines stand where their order's steps took them | `steps` |
| 7 payables, statements, payouts, bank files, what the bank paid | `payables`, `statements`, `payouts`, `reports` |
| 8 frozen splits, what was paid of them, what went back | `splits`, `completions`, `refunds` |
| 9 escrow and held deposits | `escrow` |
| 10 pools | `pools` |

Each check takes the books and gives the differences that it finds; none of them means that the books agree. docs/proof.md tells which field
is compared with what.
"""
