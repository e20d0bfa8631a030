"""`python -m neo_routing_adapters.command`, which is `neo-routing`."""

from __future__ import annotations

import sys

from neo_routing_adapters.command import main

sys.exit(main())
