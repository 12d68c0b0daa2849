"""Settings come from the environment; every problem is told with the variable, the shape and an example."""

from __future__ import annotations

import pytest
from fourgates.chassis.settings import ServiceSettings, describe_problems
from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict


class ToySettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="FOURGATES_TOY_")

    wheels_max: int = Field(default=4, ge=1, le=18, description="Wheels of a toy.")


def test_the_own_variable_wins_over_the_common_one(monkeypatch):
    monkeypatch.setenv("FOURGATES_PAGE_SIZE_DEFAULT", "10")
    assert ToySettings().page_size_default == 10
    monkeypatch.setenv("FOURGATES_TOY_PAGE_SIZE_DEFAULT", "20")
    assert ToySettings().page_size_default == 20
    assert ToySettings(page_size_default=30).page_size_default == 30


def test_keys_are_beside_the_issuer_unless_told(monkeypatch):
    assert ToySettings(issuer_url="https://i/x/").keys_url == "https://i/x/jwks"
    assert ToySettings(jwks_url="https://k/y").keys_url == "https://k/y"


def test_every_problem_is_told_with_variable_shape_and_example(monkeypatch):
    monkeypatch.setenv("FOURGATES_TOY_WHEELS_MAX", "many")
    monkeypatch.setenv("FOURGATES_TOY_PAGE_SIZE_MAX", "5000")
    monkeypatch.setenv("FOURGATES_TOY_ISSUER_URL", "nowhere")
    with pytest.raises(ValidationError) as failed:
        ToySettings()
    told = describe_problems(failed.value, ToySettings)
    assert len(told) == 3
    wheels = next(line for line in told if line.startswith("FOURGATES_TOY_WHEELS_MAX: "))
    assert "whole number, at least 1, at most 18" in wheels
    assert "Wheels of a toy. Example: 4." in wheels
    assert any("Example: https://login.example." in line for line in told)


def test_every_setting_has_a_description():
    assert all(field.description for field in ServiceSettings.model_fields.values())
