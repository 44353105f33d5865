import numpy as np
import pytest

from napari_crbm.analysis import members_of
from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.figures import assembly_book, assembly_sheet, save_figure
from napari_crbm.recording import Recording


def panels(figure):
    return {ax.get_label(): ax for ax in figure.axes}


def drawn(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def words(figure):
    texts = list(figure.texts)
    for ax in figure.axes:
        texts += ax.texts
    return {text.get_text() for text in texts}


@pytest.fixture(scope="module")
def sheet(model, recording):
    return assembly_sheet(model, recording, 2)


def test_every_member_is_drawn_once_in_both_views(sheet, model, recording):
    weights = model.weights_[:, 2]
    neurons = members_of(model).of(2)
    for name, axes in (("dorsal view", (2, 1)), ("side view", (0, 1))):
        positive, negative = drawn(panels(sheet)[name], "members")
        for artist, of_sign in ((positive, weights > 0), (negative, weights < 0)):
            expected = recording.coordinates[[i for i in neurons if of_sign[i]]][:, axes]
            points = np.asarray(artist.get_offsets())
            assert len(points) == len(expected) > 0
            assert {tuple(p) for p in points.round(3)} == {
                tuple(p) for p in expected.astype(float).round(3)
            }
        assert (np.asarray(positive.get_array()) > 0).all()
        assert (np.asarray(negative.get_array()) < 0).all()


def test_all_neurons_are_the_context(sheet, recording):
    (line,) = drawn(panels(sheet)["dorsal view"], "neurons")
    assert len(line.get_xdata()) == recording.n_neurons
    assert line.get_rasterized()


def test_colours_are_symmetric_and_cover_the_largest_weight(sheet, model):
    for artist in drawn(panels(sheet)["dorsal view"], "members"):
        low, high = artist.get_clim()
        assert low == -high
        assert high == pytest.approx(np.abs(model.weights_[:, 2]).max())


def test_views_share_scale_and_axis_with_anterior_up(sheet):
    dorsal, side = panels(sheet)["dorsal view"], panels(sheet)["side view"]
    assert dorsal.get_ylim() == side.get_ylim()
    assert dorsal.get_ylim()[0] > dorsal.get_ylim()[1]  # y grows downwards, to posterior
    width, height = sheet.get_size_inches()
    scales = []
    for ax in (dorsal, side):
        box = ax.get_position()
        scales.append(np.ptp(ax.get_xlim()) / (box.width * width))
        scales.append(np.ptp(ax.get_ylim()) / (box.height * height))
        assert min(box.x0, box.y0) >= 0 and max(box.x1, box.y1) <= 1
    assert np.allclose(scales, scales[0])


def test_axes_say_what_they_show(sheet):
    trace = panels(sheet)["activity"]
    assert trace.get_xlabel() == "time (s)"
    assert "E[h | v]" in trace.get_ylabel()
    assert {"A", "P", "L", "R", "D", "V", "100 µm", "Assembly 2"} <= words(sheet)
    assert any(ax.get_xlabel() == "weight" for ax in sheet.axes)
    assert any("67 % more active with it" in text for text in words(sheet))


def test_the_trace_is_the_activity_in_seconds(sheet, model, recording):
    line = panels(sheet)["activity"].lines[0]
    assert np.array_equal(line.get_xdata(), recording.times)
    assert np.array_equal(line.get_ydata(), model.transform(recording.spikes)[:, 2])


def test_held_out_frames_are_shaded_only_for_the_recording_trained_on(model, recording):
    def shades(of):
        return len(panels(assembly_sheet(model, of, 0))["activity"].patches)

    assert shades(recording) == 2
    assert shades(Recording(recording.coordinates, _other(recording), recording.times)) == 0


def _other(recording):
    return recording.spikes.select_frames(np.arange(recording.n_frames)[::-1])


def test_the_strongest_regions_are_bars(sheet, recording):
    ax = panels(sheet)["regions"]
    shares = [bar.get_width() for bar in ax.patches]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 100.001
    assert {text.get_text() for text in ax.texts} <= set(recording.regions.names)


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_sheets_are_saved(sheet, tmp_path, ending):
    path = save_figure(sheet, tmp_path / f"sheet.{ending}")
    head = path.read_bytes()[:200]
    assert {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending] in head
    assert path.stat().st_size < 2_000_000
    if ending == "svg":
        assert "Assembly 2" in path.read_text()  # text stays text


def test_unknown_ending_theme_and_assembly_are_named(sheet, model, recording, tmp_path):
    with pytest.raises(CRBMError, match=r"\.pdf"):
        save_figure(sheet, tmp_path / "sheet.docx")
    with pytest.raises(CRBMError, match="sepia"):
        assembly_sheet(model, recording, 0, theme="sepia")
    with pytest.raises(ModelError, match="no assembly 6"):
        assembly_sheet(model, recording, 6)


def test_dark_theme_has_a_dark_page(model, recording):
    red, green, blue, _ = assembly_sheet(model, recording, 0, theme="dark").get_facecolor()
    assert max(red, green, blue) < 0.2


def test_an_empty_assembly_is_drawn_too(model, recording):
    assert "no members" in words(assembly_sheet(model, recording, 5))


def test_a_single_plane_without_regions_has_no_side_view(model, recording, tmp_path):
    flat = recording.coordinates.copy()
    flat[:, 0] = 0
    names = panels(
        sheet := assembly_sheet(model, Recording(flat, recording.spikes, recording.times), 0)
    )
    assert "dorsal view" in names and not {"side view", "regions"} & names.keys()
    save_figure(sheet, tmp_path / "flat.png")


def test_the_book_has_a_page_an_assembly(model, recording, tmp_path):
    pages = []
    path = assembly_book(
        model,
        recording,
        tmp_path / "book.pdf",
        assemblies=[3, 0],
        progress=lambda done, total: pages.append((done, total)),
    )
    assert pages == [(1, 2), (2, 2)]
    assert path.read_bytes().count(b"/Type /Page ") == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_book_leaves_nothing_behind(model, recording, tmp_path):
    with pytest.raises(ModelError):
        assembly_book(model, recording, tmp_path / "book.pdf", assemblies=[0, 99])
    assert list(tmp_path.iterdir()) == []
