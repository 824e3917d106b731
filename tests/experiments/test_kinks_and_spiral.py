"""The experiments on kinks and on the spiral, at reduced size."""

import io

import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.pictures.experiments import draw


def test_kinks():
    report = pb.compare("kinks", quick=True)
    relus = report.numbers["relu"]
    assert relus["np.maximum(x, 0)"] == 0
    assert relus["np.where(x >= 0, x, 0)"] == 1
    assert relus["np.maximum(x, zeros)"] == 0.5
    assert set(relus.values()) == {0.0, 0.5, 1.0}
    slopes = report.numbers["cross_entropy"]
    assert slopes["softplus(z) - y z"] == slopes["np.logaddexp(0, z) - y z"] == -0.5
    assert slopes["max(z, 0) - y z + log1p(exp(-|z|))"] == -1.0
    assert "0, 0.5, 1" in report.seen
    assert "from -1 to -0.5" in report.seen


def test_spiral():
    parts = []
    report = pb.compare("spiral", quick=True, on_progress=lambda *p: parts.append(p))
    linear, network = (
        report.numbers["results"]["linear"][0],
        report.numbers["results"]["network"][0],
    )
    assert 0.4 < linear["accuracy"] < 0.6
    assert network["accuracy"] > linear["accuracy"] + 0.1
    assert linear["loss"] == pytest.approx(0.786, abs=0.02)
    assert parts == [(1, 2), (2, 2)]
    again = pb.compare("spiral", quick=True)
    assert again.numbers == report.numbers


@pytest.mark.parametrize("name", ["kinks", "spiral"])
def test_pictures_and_text(name):
    report = pb.compare(name, quick=True)
    for figure in draw(report).values():
        figure.savefig(io.BytesIO())
    assert report.tables[0].title in str(report)
    assert report.seen.count(". ") == 1


def test_bad_names():
    with pytest.raises(UsageError, match="no experiment 'kink'.*kinks"):
        pb.compare("kink")
    with pytest.raises(UsageError, match="no setting 'epoch'.*epochs"):
        pb.compare("spiral", epoch=3)
