"""Label Studio: JSON and JSON-MIN."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats.label_studio import recognise
from patchlearn.data.open import open_data
from patchlearn.data.settings import DataSettings


def folder(root: Path, tasks: Any, *images: str) -> Path:
    for name in images:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)
    root.mkdir(exist_ok=True)
    (root / "export.json").write_text(json.dumps(tasks))
    return root


def choices(*names: str) -> dict[str, Any]:
    return {"type": "choices", "from_name": "animal", "to_name": "image", "value": {"choices": list(names)}}


def task(number: int, image: str, *opinions: list[dict[str, Any]], key: str = "image") -> dict[str, Any]:
    annotations = [
        {"id": i, "completed_by": i, "was_cancelled": False, "result": each} for i, each in enumerate(opinions)
    ]
    return {"id": number, "annotations": annotations, "data": {"note": "n", key: image}}


def read(root: Path, labels: str | None = None) -> Dataset:
    return open_data(DataSettings(format="label-studio", root=str(root), labels=labels))


def tags(data: Dataset) -> dict[str, tuple[list[str], list[str]]]:
    """Id → names of the labels and of the unknown classes; all images are of `train`."""
    assert list(data.splits) == ["train"]
    return {
        each.id: ([data.classes[i] for i in each.labels], [data.classes[i] for i in each.unknown])
        for each in data.split("train")
    }


def test_choices_are_labels_and_tasks_without_annotations_are_not_used(tmp_path: Path) -> None:
    skipped = task(4, "/data/upload/1/d.jpg", [choices("cow")])
    skipped["annotations"][0]["was_cancelled"] = True
    tasks = [
        task(1, "/data/upload/1/a.jpg", [choices("cat10", "cat9")]),
        task(2, "/data/upload/1/b.jpg", []),
        task(3, "/data/upload/1/c.jpg"),
        skipped,
    ]
    root = folder(tmp_path / "x", tasks, "images/a.jpg", "images/b.jpg", "images/c.jpg", "images/d.jpg", "images/e.jpg")
    assert recognise(root) == "the Label Studio export export.json"
    data = read(root)
    assert data.classes == ("cat9", "cat10")
    assert tags(data) == {"a": (["cat9", "cat10"], []), "b": ([], [])}
    assert data.notes == (
        f"{root / 'export.json'}: 2 tasks without an annotation, and not used",
        f"{root / 'images'}: 3 files are not in export.json, and not used: c.jpg, d.jpg, e.jpg",
    )


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/data/upload/1/ab12cd34-garden.jpg", "images/ab12cd34-garden.jpg"),
        ("/data/upload/1/ab12cd34-garden.jpg", "images/garden.jpg"),
        ("/data/upload/1/ab12cd34-my%20garden.jpg", "images/my garden.jpg"),
        ("/data/local-files/?d=photos/garden.jpg", "photos/garden.jpg"),
        ("/data/local-files/?d=photos%2Fmy%20garden.jpg", "photos/my garden.jpg"),
        ("/data/local-files/?d=a+b.jpg", "images/a+b.jpg"),
        ("/data/local-files/?d=a+b.jpg", "images/a b.jpg"),
        ("/data/local-files/?d=photos\\garden.jpg", "images/photos/garden.jpg"),
        ("s3://bucket/day/x.jpg", "images/x.jpg"),
        ("https://host.org/x.jpg?X-Amz-Signature=1", "images/x.jpg"),
        ("100%.jpg", "100%.jpg"),
        ("a#1.jpg", "a#1.jpg"),
        ("//[a].jpg", "[a].jpg"),
        ("/data/upload/1/X.JPG", "images/X.JPG"),
    ],
)
def test_the_file_is_found_by_the_end_of_the_address(tmp_path: Path, address: str, file: str) -> None:
    root = folder(tmp_path / "x", [task(1, address, [choices("cat")])], file)
    assert recognise(root)
    (sample,) = read(root).split("train")
    assert sample.image == root / file


def test_folders_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    tasks = [task(n, f"s3://b/{day}/x.jpg", [choices(day)]) for n, day in enumerate(("mon", "tue"))]
    assert tags(read(folder(tmp_path / "x", tasks, "images/mon/x.jpg", "images/tue/x.jpg"))) == {
        "mon__x": (["mon"], []),
        "tue__x": (["tue"], []),
    }


def test_the_exact_name_goes_before_the_name_without_prefix(tmp_path: Path) -> None:
    tasks = [
        task(1, "/data/upload/1/ab12cd34-a.jpg", [choices("cat")]),
        task(2, "/data/upload/1/a.jpg", [choices("dog")]),
    ]
    found = tags(read(folder(tmp_path / "x", tasks, "images/ab12cd34-a.jpg", "images/a.jpg")))
    assert found == {"ab12cd34-a": (["cat"], []), "a": (["dog"], [])}


def test_a_class_that_only_some_annotators_chose_is_unknown(tmp_path: Path) -> None:
    tasks = [task(1, "a.jpg", [choices("cat", "dog")], [choices("cat", "cow")], [choices("cat")])]
    root = folder(tmp_path / "x", tasks, "a.jpg")
    data = read(root)
    assert tags(data) == {"a": (["cat"], ["cow", "dog"])}
    assert data.notes == (
        f"{root / 'export.json'}: 1 image with labels that only some annotators chose; unknown there",
    )


def test_labels_of_boxes_brushes_and_polygons_count_too(tmp_path: Path) -> None:
    shapes = [
        {"type": "rectanglelabels", "from_name": "box", "value": {"x": 1, "y": 2, "rectanglelabels": ["cat"]}},
        {"type": "brushlabels", "from_name": "brush", "value": {"format": "rle", "rle": [1], "brushlabels": ["dog"]}},
        {"type": "polygonlabels", "from_name": "poly", "value": {"points": [[1, 2]], "polygonlabels": ["cow", "hen"]}},
        {"type": "textarea", "from_name": "text", "value": {"text": ["a fine day"]}},
    ]
    root = folder(tmp_path / "x", [task(1, "a.jpg", [choices("ant"), *shapes])], "a.jpg")
    data = read(root)
    assert tags(data) == {"a": (["ant", "cat", "cow", "dog", "hen"], [])}
    assert "the labels of all of animal, box, brush, poly are classes" in data.notes[0]


def test_the_image_may_have_any_key(tmp_path: Path) -> None:
    root = folder(tmp_path / "x", [task(1, "/data/a.PNG", [choices("cat")], key="photo")], "a.PNG")
    assert tags(read(root)) == {"a": (["cat"], [])}


def test_json_min_reads(tmp_path: Path) -> None:
    lines = [
        {"image": "/data/upload/1/a.jpg", "choice": "cat"},
        {"image": "/data/upload/1/b.jpg", "choice": {"choices": ["cat", "dog"]}},
        {"image": "/data/upload/1/c.jpg", "choice": ["dog", "cow"]},
    ]
    root = folder(tmp_path / "x", lines, "a.jpg", "b.jpg", "c.jpg")
    assert recognise(root)
    assert tags(read(root)) == {"a": (["cat"], []), "b": (["cat", "dog"], []), "c": (["cow", "dog"], [])}


def test_json_min_has_the_names_of_the_labelling_interface_and_a_line_for_each_annotator(tmp_path: Path) -> None:
    def line(annotator: int, **fields: Any) -> dict[str, Any]:
        whole = {"image": "a.jpg", "caption": "noon", "id": 1, **fields}
        return {**whole, "annotator": annotator, "annotation_id": annotator, "created_at": "now", "lead_time": 1.5}

    shape = {"x": 1, "y": 2, "rectanglelabels": ["hen"]}
    lines = [line(1, kind="cat", box=[shape]), line(2, kind={"choices": ["cat", "dog"]}, box=[shape])]
    root = folder(tmp_path / "x", lines, "a.jpg")
    assert recognise(root)
    assert tags(read(root)) == {"a": (["cat", "hen"], ["dog"])}


def test_json_min_as_label_studio_converts_it_reads(tmp_path: Path) -> None:
    converter = pytest.importorskip("label_studio_sdk.converter")
    interface = (
        '<View><Image name="image" value="$image"/><Choices name="kind" toName="image" choice="multiple">'
        '<Choice value="cat"/><Choice value="dog"/></Choices></View>'
    )
    times = {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z", "lead_time": 1}
    tasks = [task(1, "a.jpg", [choices("cat")]), task(2, "b.jpg", [choices("dog", "cat")])]
    for each in tasks:
        each["annotations"][0].update(times, ground_truth=False)
        each["annotations"][0]["result"][0]["from_name"] = "kind"
    root = folder(tmp_path / "x", tasks, "a.jpg", "b.jpg")
    expected: dict[str, tuple[list[str], list[str]]] = {"a": (["cat"], []), "b": (["cat", "dog"], [])}
    assert tags(read(root)) == expected
    converter.Converter(interface, str(root), download_resources=False).convert(
        str(root / "export.json"), str(tmp_path / "min"), "JSON_MIN", is_dir=False
    )
    (root / "export.json").write_text((tmp_path / "min" / "result.json").read_text())
    assert tags(read(root)) == expected


def test_classes_txt_names_those_to_keep(tmp_path: Path) -> None:
    root = folder(tmp_path / "x", [task(1, "a.jpg", [choices("cat", "dog")], [choices("dog", "cow")])], "a.jpg")
    (root / "classes.txt").write_text("dog\ncat\n")
    data = read(root)
    assert (data.classes, tags(data)) == (("dog", "cat"), {"a": (["dog"], ["cat"])})


def test_the_settings_choose_among_several_exports(tmp_path: Path) -> None:
    root = folder(tmp_path / "x", [task(1, "a.jpg", [choices("cat")])], "a.jpg")
    (root / "more.json").write_text(json.dumps([task(1, "a.jpg", [choices("dog")])]))
    with pytest.raises(PatchlearnError, match=r"export\.json, more\.json\. Choose one: --data\.labels export\.json"):
        read(root)
    assert read(root, labels="more.json").classes == ("dog",)


def test_an_export_whose_first_task_is_long_is_recognised(tmp_path: Path) -> None:
    brush = {"type": "brushlabels", "value": {"rle": [255] * 20000, "brushlabels": ["cat"]}}
    assert recognise(folder(tmp_path / "x", [task(1, "a.jpg", [brush])])) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "[1]",
        "[" * 30000,
        '[{"image": "a.jpg", "labels": ["cat"]}]',
        '{"images": [], "annotations": []}',
        "",
    ],
)
def test_other_json_is_not_recognised(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert recognise(tmp_path) is None
    with pytest.raises(PatchlearnError, match=r"no Label Studio export \(JSON\)\. Put it beside the images"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[{"data"', r"not valid JSON .*Export the project again"),
        ("[" * 100000, "not valid JSON"),
        ('{"id": 1}', "not a list of tasks. Export the project as JSON or JSON-MIN"),
        ("[1]", "not a list of tasks"),
        ("[]", "no task has an annotation"),
        (json.dumps([task(7, "a.jpg")]), "no task has an annotation. Label the images"),
        (json.dumps([task(7, "a.jpg", [])]), "no image has a label"),
        (json.dumps([task(7, "text", [choices("cat")])]), "task 7: no value ends in .jpg, .*Export tasks of images"),
        (json.dumps([task(7, "a.jpg", [{"value": {"choices": "cat"}}])]), "task 7: 'choices' is not a list of names"),
        (
            '[{"id": 7, "data": {"image": "a.jpg"}, "annotations": [1]}]',
            "task 7: 'annotations' or 'result' is not a list",
        ),
        (json.dumps([task(7, "/x/b.jpg", [choices("cat")])]), r"task 7: .*b\.jpg does not exist. Correct the name"),
    ],
)
def test_a_broken_export_is_explained(tmp_path: Path, content: str, complaint: str) -> None:
    root = folder(tmp_path / "x", [], "images/a.jpg")
    (root / "export.json").write_text(content)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        read(root, labels="export.json")
    assert "export.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_doubtful_files_are_explained(tmp_path: Path) -> None:
    root = folder(tmp_path / "x", [task(7, "/x/a.jpg", [choices("cat")])], "images/1/a.jpg", "images/2/a.jpg")
    with pytest.raises(PatchlearnError, match=r"task 7: '/x/a\.jpg' may be 1/a\.jpg or 2/a\.jpg\. Keep one"):
        read(root)
    tasks = [task(n, f"/u/ab12cd3{n}-a.jpg", [choices("cat")]) for n in (1, 2)]
    root = folder(tmp_path / "y", tasks, "images/a.jpg")
    with pytest.raises(PatchlearnError, match=r"'/u/ab12cd31-a\.jpg' and '/u/ab12cd32-a\.jpg' are both taken for"):
        read(root)
