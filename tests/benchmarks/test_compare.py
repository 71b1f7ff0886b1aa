from benchmarks.compare import PROJECT, Pair, checkout, lost
from benchmarks.load import Load


def pairs(*ratios: float, failed: int = 0) -> list[Pair]:
    return [Pair(Load(1000, 1, 2, 0), Load(1000 * ratio, 1, 2, failed)) for ratio in ratios]


def test_a_loss_of_more_than_the_share_is_named() -> None:
    assert lost({"slow": pairs(0.84, 0.8, 0.84), "as ever": pairs(0.86, 1, 0.9)}, loss=0.15) == [
        "slow (84% of the speed, 0 calls failed)"
    ]


def test_one_noisy_round_is_no_loss() -> None:
    assert not lost({"noisy": pairs(0.3, 1, 1.1)}, loss=0.15)


def test_a_failed_call_is_a_loss() -> None:
    assert lost({"fast": pairs(2, failed=1)}, loss=0.15)


def test_the_base_is_a_checkout_that_is_taken_away() -> None:
    with checkout("HEAD") as folder:
        assert (folder / "service.py").read_bytes() == (PROJECT / "service.py").read_bytes()
    assert not folder.exists()
