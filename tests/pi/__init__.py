"""The runtime under the userland of a Raspberry Pi: `make test-pi`."""
