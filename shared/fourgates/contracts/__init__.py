"""What the services say to each other: one file per publishing service, nothing but facts.

A contract is stable within its version: fields are only added, and only optional ones. Consumers ignore what they do not know.
"""

from fourgates.contracts.common import Contract, contract_types

__all__ = ["Contract", "contract_types"]
