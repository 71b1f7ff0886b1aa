from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from casa.errors import CasaError, InvalidBundle, NotFound
from casa.model import bundle
from casa.model.store import Store
from casa.monitoring.metrics import Metrics
from casa.settings import Settings
from casa.transports.bento import Baked, check, load_bundle
from casa.transports.serving import open_serving
from tests.transports.grpc_caller import grants, make_gate


def test_the_champion_is_served_where_no_version_is_asked_for(store: Store) -> None:
    assert load_bundle(Settings()).version == store.champion


def test_the_version_asked_for_is_served(store: Store) -> None:
    assert load_bundle(Settings(model_version=store.champion)).version == store.champion
    with pytest.raises(NotFound):
        load_bundle(Settings(model_version="0123456789ab"))


def test_a_model_in_anothers_place_is_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "models" / bundle.NAME / "0123456789ab"
    place.mkdir(parents=True)
    (place / "bundle").symlink_to(store.find())
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    with pytest.raises(InvalidBundle):
        load_bundle(Settings(model_version="0123456789ab"))


def test_a_check_that_fails_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match="casa: there is no model yet"):
        check()


def test_a_check_that_holds_says_nothing(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    check()
    assert capsys.readouterr() == ("", "")


def test_a_model_that_forgot_its_prices_is_not_served(bundle_files: dict[str, bytes], tmp_path: Path) -> None:
    golden = [{**one, "price": one["price"] + 1} for one in orjson.loads(bundle_files[bundle.GOLDEN])]
    bundle.write(tmp_path / "bundle", {**bundle_files, bundle.GOLDEN: orjson.dumps(golden)})
    forgetful, metrics = bundle.load(tmp_path / "bundle"), Metrics()
    with pytest.raises(CasaError, match="other prices"):
        open_serving(Settings(), forgetful, gate=make_gate(grants(), metrics), metrics=metrics)


def test_a_bento_brings_the_champion_along(store: Store) -> None:
    from service import Casa

    assert [str(model.tag) for model in Casa.models] == [f"casa:{store.champion}"]


def test_without_a_model_a_bento_brings_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service import Casa

    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    assert Casa.models == []


@pytest.mark.parametrize("use", [Baked.to_info, Baked.resolve])
def test_a_model_that_is_gone_ends_the_process(use: Callable[[Baked], object], store: Store) -> None:
    with pytest.raises(SystemExit, match="casa: model 0123456789ab is not in the store"):
        use(Baked("casa:0123456789ab"))
