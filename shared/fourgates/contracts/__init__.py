"""What the services say to each other: one file per publishing service, nothing but facts.

A contract is stable within its version: only optional fields are added. Consumers ignore what they do not know.
"""

from fourgates.contracts.common import Contract, contract_types

__all__ = ["Contract", "contract_types"]
