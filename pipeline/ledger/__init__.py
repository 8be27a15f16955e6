"""What happened, what it cost, and what it would have cost: from the hot path through Redis into SQL.

BufferedLedger.add  ->  Redis stream leo:ledger  ->  LedgerWriter  ->  rows and hourly sums in SQL  ->  Analytics

Hits from the cache come through a HitBook, many in one event.
"""
