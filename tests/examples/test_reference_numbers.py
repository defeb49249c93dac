"""KV-cache memory, against figures worked by hand, the questions' own, and properties that any such calculation has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.cost_optimization import figures as cost
from examples.reference_numbers import figures, memory
from examples.reference_numbers.models import MODELS, kv_bytes, latent_bytes, weight_bytes
from examples.security_threats import numbers as threats

BY_NAME = {model.name: model for model in MODELS}


class TestBytes:
    def test_the_questions_count_the_same_bytes_for_their_70b(self) -> None:
        assert kv_bytes(80, 8, 128) == cost.KV_BYTES == threats.kv_bytes_per_token() == 327_680

    def test_published_models_by_hand(self) -> None:
        assert BY_NAME["Llama 3.1 8B"].token_bytes() == 131_072
        assert BY_NAME["Llama 3.1 405B"].token_bytes() == 516_096
        assert BY_NAME["DeepSeek-V3"].token_bytes() == 61 * 576 * 2 == 70_272
        assert BY_NAME["gpt-oss-120b"].token_bytes() == 2 * 18 * 8 * 64 * 2 == 36_864

    def test_half_the_bits_are_half_the_bytes(self) -> None:
        for model in MODELS:
            assert model.token_bytes(8) == model.token_bytes(16) / 2
        assert weight_bytes(70e9, 4) == 35e9

    def test_one_head_of_half_the_latent_size_costs_what_latent_attention_does(self) -> None:
        assert kv_bytes(61, 1, figures.latent_head()) == latent_bytes(61, 512, 64)


def results(**changes: Any) -> dict[str, Any]:
    return memory.results(**(memory.DEFAULTS | changes))  # type: ignore[arg-type]


class TestMemory:
    def test_the_defaults_are_question_3s_replica(self) -> None:
        found = results()
        assert f"{found['left'] / 1e9:.0f} GB" == cost.kv_room(2, 8) == "74 GB"
        assert found["fits"] == int(74e9 / (327_680 * 2_750)) == 82
        assert cost.fits() == "82"

    def test_more_gpus_than_heads_keep_copies(self) -> None:
        assert [memory.held_heads(8, gpus) for gpus in (1, 2, 8, 16)] == [8, 8, 8, 16]
        assert memory.held_heads(1, 8) == 8, "a latent vector is whole on every GPU"

    def test_weights_that_do_not_fit_leave_nothing_and_say_by_how_much(self) -> None:
        found = results(gpus=1, weight_bits=16)
        assert found["left"] is None
        assert found["lacking"] == pytest.approx(140e9 - 72e9)
        assert (found["fits"], found["tokens"], found["longest"], found["enough"]) == (0, 0, 0, None)

    @given(
        layers=st.integers(1, 200),
        kv_heads=st.integers(1, 64),
        gpus=st.integers(1, 64),
        context=st.integers(1, 200_000),
        wanted=st.integers(1, 5_000),
    )
    def test_what_fits_fits_and_one_more_does_not(
        self, layers: int, kv_heads: int, gpus: int, context: int, wanted: int
    ) -> None:
        found = results(layers=layers, kv_heads=kv_heads, gpus=gpus, context=context, wanted=wanted)
        left = found["left"] or 0.0
        assert found["fits"] * found["sequence"] <= left * (1 + 1e-12)
        assert (found["fits"] + 1) * found["sequence"] > left * (1 - 1e-12)
        assert (found["enough"] == 1) == (found["fits"] >= wanted)
        assert found["longest"] * wanted <= found["tokens"]
