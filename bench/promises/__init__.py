"""The promises of this project, proved on real processes: `make check-promises`."""
