from patchlearn.runs.described import described_settings, leaves
from patchlearn.runs.settings import Recipe
from patchlearn.training.settings import Optimisation


def test_every_setting_has_a_meaning_and_its_default() -> None:
    found = described_settings()
    assert [name for name, each in found.items() if not each.meaning] == []
    assert found["classifier.optimisation.epochs"].default == Optimisation().epochs
    assert found["classifier.optimisation"].is_section
    assert list(found)[:3] == ["title", "seed", "data"]


def test_the_leaves_are_the_settings_that_are_no_sections() -> None:
    names = [name for name, each in described_settings().items() if not each.is_section]
    assert [name for name, _ in leaves(Recipe())] == names
