"""The taxonomy: complete, without contradiction, and cheap to import."""

import sys
from pathlib import Path
from subprocess import run

from emotion_pipeline.engine.emotion import taxonomy


def test_the_labels_stand_in_the_order_of_goemotions_ids(shared_data: Path) -> None:
    assert tuple((shared_data / "goemotions" / "labels.txt").read_text().split()) == taxonomy.LABELS


def test_every_label_has_one_base_emotion_and_one_ekman_group() -> None:
    grouped = [label for labels in taxonomy.EKMAN.values() for label in labels]
    assert sorted(grouped) == sorted(taxonomy.LABELS)
    assert set(taxonomy.BASE_OF) == set(taxonomy.LABELS)
    assert set(taxonomy.BASE_OF.values()) == set(taxonomy.BASE_EMOTIONS)


def test_a_sub_emotion_s_label_belongs_to_its_base_emotion() -> None:
    for base, subs in taxonomy.SUB_EMOTIONS.items():
        assert all(taxonomy.BASE_OF[taxonomy.LABEL_OF_SUB[sub]] == base for sub in subs)


def test_a_label_that_names_a_base_emotion_outright_belongs_to_it_in_the_wider_mapping_too() -> None:
    assert all(taxonomy.BASE_OF[label] == base for label, base in taxonomy.CORE_BASE_OF.items())


def test_gratitude_is_happiness_and_fear_is_other() -> None:
    assert (taxonomy.BASE_OF["gratitude"], taxonomy.BASE_OF["fear"]) == ("Happiness", "Other")


def test_anger_is_rage_and_sadness_is_no_sub_emotion() -> None:
    assert taxonomy.LABEL_OF_SUB["Rage"] == "anger"
    assert taxonomy.BASE_OF["sadness"] == "Sadness"
    assert "sadness" not in taxonomy.LABEL_OF_SUB.values()
    assert set(taxonomy.CORE_BASE_OF) == {*taxonomy.LABEL_OF_SUB.values(), "sadness"}


def test_importing_the_taxonomy_loads_nothing_heavy() -> None:
    code = (
        "import sys; import emotion_pipeline.engine.emotion.taxonomy;"
        "print(sorted({'numpy', 'sklearn', 'scipy', 'torch'} & set(sys.modules)))"
    )
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
