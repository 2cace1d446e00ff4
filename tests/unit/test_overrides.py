"""Parameters reach a stack whole: read back by sam's own parser."""

from __future__ import annotations

from samcli.cli.types import CfnParameterOverridesType

from infra.overrides import overrides


def test_sam_reads_every_value_whole() -> None:
    given = {
        "SettlementSchedule": "rate(1 minute)",
        "Languages": "zh-TW,en",
        "PoolIssuer": "http://127.0.0.1:4566/us-east-1_abc",
        "CurrencyStep": "100",
    }
    assert CfnParameterOverridesType().convert(tuple(overrides(given)), None, None) == given
