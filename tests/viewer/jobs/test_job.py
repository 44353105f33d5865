"""Jobs: work in a thread, results on the GUI thread, nothing once the window is gone."""

import threading

import pytest

pytest.importorskip("napari")
from qtpy.QtCore import QObject

from napari_crbm.errors import RecordingError
from napari_crbm.viewer.jobs.job import Job, message_of


def test_results_and_progress_arrive_on_the_gui_thread(qtbot):
    parent, seen = QObject(), []

    def work(report):
        report(1, 2)
        return threading.current_thread()

    job = Job(work, parent)
    job.progressed.connect(lambda k, n: seen.append((k, n, threading.current_thread())))
    with qtbot.waitSignal(job.done) as done:
        job.start()
    assert seen == [(1, 2, threading.main_thread())]
    assert done.args[0] is not threading.main_thread()


def test_our_errors_are_said_in_their_own_words(qtbot):
    def work(report):
        raise RecordingError("No neurons.")

    parent = QObject()
    job = Job(work, parent)
    with qtbot.waitSignal(job.failed) as failed:
        job.start()
    assert failed.args == ["No neurons."]


def test_what_arrives_after_the_window_has_closed_is_dropped(qtbot):
    sip = pytest.importorskip("PyQt6.sip")
    parent, seen = QObject(), []
    job = Job(lambda report: report(1, 2), parent)
    job.done.connect(seen.append)
    job.progressed.connect(lambda k, n: seen.append(k))
    job.start()
    job._thread.join()
    sip.delete(parent)
    qtbot.wait(50)
    assert seen == []


def test_what_the_system_refuses_is_no_bug_of_ours(tmp_path, capsys):
    with pytest.raises(OSError) as caught:
        (tmp_path / "missing" / "sheet.pdf").write_text("")
    said = message_of(caught.value)
    assert "sheet.pdf cannot be read or written: No such file" in said and "report" not in said
    assert not capsys.readouterr().err


def waiting_job(parent, started, go_on):
    def work(report):
        started.set()
        assert go_on.wait(60)
        report(1, 2)
        return "result"

    return Job(work, parent)


def test_a_cancelled_job_ends_and_its_result_is_dropped(qtbot):
    parent, started, go_on, seen = QObject(), threading.Event(), threading.Event(), []
    job = waiting_job(parent, started, go_on)
    for signal in (job.done, job.failed, job.progressed):
        signal.connect(lambda *values: seen.append(values))
    job.start()
    assert started.wait(60)
    with qtbot.waitSignal(job.cancelled):
        job.cancel()
    go_on.set()
    job._thread.join(60)
    qtbot.wait(50)
    assert not job.running and seen == []
    with qtbot.assertNotEmitted(job.cancelled):
        job.cancel()


def test_work_ends_once_the_window_of_its_job_is_gone(qtbot):
    sip = pytest.importorskip("PyQt6.sip")
    parent, reports = QObject(), []
    started, go_on = threading.Event(), threading.Event()

    def work(report):
        started.set()
        assert go_on.wait(60)
        for done in range(100):
            reports.append(done)
            report(done, 100)

    job = Job(work, parent)
    job.start()
    assert started.wait(60)
    sip.delete(parent)
    go_on.set()
    job._thread.join(60)
    assert not job.running and len(reports) <= 2
