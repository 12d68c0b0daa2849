"""The walk-through: releases of a real service from request to closed, back and out, as different people over HTTP."""
