"""The bus: messages with headers, in order per shard, at least once; here between the threads of one process."""

from fourgates.chassis.bus.in_process import InProcessBus
from fourgates.chassis.bus.interface import Bus, BusUnavailable, Consumer, Message, Publisher

__all__ = ["Bus", "BusUnavailable", "Consumer", "InProcessBus", "Message", "Publisher"]
