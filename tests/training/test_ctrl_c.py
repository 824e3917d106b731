"""Ctrl-C ends a run with a usable model and a clear line."""

import signal

import pytest
from test_checkpoints import X, Y, assert_same, network, settings

import pullback as pb
from pullback.training import Callback, Training


def test_ctrl_c_ends_with_a_usable_model_and_can_be_resumed(tmp_path):
    file = tmp_path / "run.safetensors"

    class PressCtrlC(Callback):
        def on_step(self, training, progress):
            if training.updates == 5 and not training.resumed:
                signal.raise_signal(signal.SIGINT)

    press = {"callbacks": [PressCtrlC()]}
    line = r"^Training was stopped by Ctrl-C when 1 of 6 epochs were complete; the model has"
    with pytest.warns(UserWarning, match=line):
        stopped = pb.train(network(), X, Y, checkpoint=file, **settings(**press))
    assert stopped.ended == "stopped by Ctrl-C"
    assert stopped.model.predict(X).shape == (60,)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    whole = pb.train(network(), X, Y, **settings(callbacks=[Callback()]))
    assert_same(whole, pb.train(network(), X, Y, resume=file, **settings(**press)))


MOMENTS = {"on_begin": Callback, "on_step": Callback, "on_epoch": Callback, "_evaluated": Training}


@pytest.mark.parametrize("method", MOMENTS)
def test_ctrl_c_at_any_moment_of_the_first_epoch(method, monkeypatch):
    """Before, between and after the steps, and while the validation rows are evaluated."""
    called, pressed = getattr(MOMENTS[method], method), []

    def press(*arguments):
        if not pressed:
            pressed.append(method)
            signal.raise_signal(signal.SIGINT)
        return called(*arguments)

    monkeypatch.setattr(MOMENTS[method], method, press)
    with pytest.warns(UserWarning, match="stopped by Ctrl-C when 0 of 6 epochs were complete"):
        run = pb.train(network(), X, Y, **settings(callbacks=[Callback()]))
    assert run.ended == "stopped by Ctrl-C"
    assert pressed == [method]
    assert run.model.predict(X).shape == (60,)


def test_a_second_ctrl_c_does_not_wait_and_leaves_the_model_with_the_error():
    class Impatient(Callback):
        def on_step(self, training, progress):
            if training.updates == 5:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                raise AssertionError("the second one has not interrupted")

    with pytest.raises(KeyboardInterrupt) as caught:
        pb.train(network(), X, Y, **settings(callbacks=[Impatient()]))
    assert caught.value.run.model.predict(X).shape == (60,)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
