"""The door for queue messages: a Celery app, thin tasks, submission, and the ledger process. Knows nothing of HTTP."""
