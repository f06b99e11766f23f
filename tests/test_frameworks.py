"""Frameworks that look at a function before they call it: they see the control."""

from __future__ import annotations

import asyncio
import os

import pytest

from darkcall import launch_of


def outcomes(sink):
    return [record.outcome for record in sink.records]


@pytest.fixture
def fastapi():
    return pytest.importorskip("fastapi")


@pytest.fixture
def client_of():
    testclient = pytest.importorskip("fastapi.testclient")
    return testclient.TestClient


def test_a_fastapi_route_has_the_parameters_of_the_control(fastapi, client_of, dark, sink):
    app = fastapi.FastAPI()

    @app.get("/prices/{number}")
    @dark(candidate=lambda number, q="x": {"number": number, "q": q})
    def price(number: int, q: str = "x") -> dict:
        """Say what it costs."""
        return {"number": number, "q": q}

    with client_of(app) as client:
        assert client.get("/prices/3?q=y").json() == {"number": 3, "q": "y"}
        assert client.get("/prices/three").status_code == 422
    operation = app.openapi()["paths"]["/prices/{number}"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["number", "q"]
    assert operation["description"] == "Say what it costs."
    assert outcomes(sink) == ["match"]


def test_a_fastapi_dependency_may_be_launched(fastapi, client_of, dark, sink):
    app = fastapi.FastAPI()

    @dark(candidate=lambda token="none": {"token": token})
    def tenant(token: str = "none") -> dict:
        return {"token": token}

    class Size:
        async def __call__(self, size: int = 1) -> int:
            return size

    size = dark(candidate=Size())(Size())

    @app.get("/")
    def answer(
        tenant: dict = fastapi.Depends(tenant),  # noqa: B008 -- as it is written there
        size: int = fastapi.Depends(size),
    ) -> list:
        return [tenant, size]

    with client_of(app) as client:
        assert client.get("/?token=a&size=3").json() == [{"token": "a"}, 3]
    assert sorted(outcomes(sink)) == ["match", "match"]


def test_an_async_fastapi_route_runs_on_the_loop(fastapi, client_of, dark, sink):
    app = fastapi.FastAPI()

    async def route_v2(number):
        await asyncio.sleep(0)
        return [number, True]

    @app.get("/{number}")
    @dark(candidate=route_v2)
    async def route(number: int) -> list:
        return [number, asyncio.get_running_loop().is_running()]

    with client_of(app) as client:
        assert client.get("/3").json() == [3, True]
    assert outcomes(sink) == ["match"]


def test_a_fastapi_route_answers_with_the_controls_own_http_error(fastapi, client_of, dark, sink):
    app = fastapi.FastAPI()

    @app.get("/")
    @dark(candidate=lambda: "found")
    def route() -> str:
        raise fastapi.HTTPException(404)

    with client_of(app) as client:
        assert client.get("/").status_code == 404
    assert outcomes(sink) == ["mismatch"]


def test_a_flask_view_is_named_and_called_as_the_control(dark, sink):
    flask = pytest.importorskip("flask")
    app = flask.Flask("shop")

    @app.route("/prices/<int:number>")
    @dark(candidate=lambda number: {"price": number})
    def price(number):
        return {"price": number}

    assert app.test_client().get("/prices/3").json == {"price": 3}
    with app.test_request_context():
        assert flask.url_for("price", number=3) == "/prices/3"
    assert outcomes(sink) == ["match"]


def test_a_candidate_of_a_flask_view_sees_the_request_of_the_call(dark, sink):
    flask = pytest.importorskip("flask")
    app = flask.Flask("shop")

    @app.route("/")
    @dark(candidate=lambda: flask.request.args["q"])
    def echo():
        return flask.request.args["q"]

    assert app.test_client().get("/?q=a").text == "a"
    assert outcomes(sink) == ["match"]


def test_a_click_command_takes_the_options_of_the_control(dark, sink):
    click = pytest.importorskip("click")
    testing = pytest.importorskip("click.testing")

    @click.command()
    @click.option("--count", type=int, default=1)
    @dark(candidate=lambda count: None)
    def greet(count):
        """Greet so often."""
        click.echo("hello " * count)

    runner = testing.CliRunner()
    assert runner.invoke(greet, ["--count", "2"]).output == "hello hello \n"
    assert "Greet so often." in runner.invoke(greet, ["--help"]).output
    assert greet.name == "greet"
    assert outcomes(sink) == ["match"]


def test_a_click_option_may_stand_below(dark, sink):
    click = pytest.importorskip("click")
    testing = pytest.importorskip("click.testing")

    @click.command()
    @dark(candidate=lambda name: None)
    @click.argument("name")
    def greet(name):
        click.echo(f"hello {name}")

    assert testing.CliRunner().invoke(greet, ["ann"]).output == "hello ann\n"
    assert outcomes(sink) == ["match"]


@pytest.fixture
def celery():
    celery = pytest.importorskip("celery")
    app = celery.Celery("shop", set_as_current=False)
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    return app


def test_a_celery_task_is_named_and_run_as_the_control(celery, dark, sink):
    @celery.task
    @dark(candidate=lambda x, y: x + y)
    def add(x, y):
        return x + y

    assert add.delay(1, 2).get() == 3
    assert add.name == f"{__name__}.add"
    assert outcomes(sink) == ["match"]
    with pytest.raises(TypeError):
        add.delay(1)


def test_a_bound_celery_task_shares_itself_with_the_candidate(celery, dark, sink):
    @celery.task(bind=True)
    @dark(candidate=lambda self, x: self.name, share=("self",))
    def name(self, x):
        return self.name

    assert name.delay(1).get() == name.name
    assert outcomes(sink) == ["match"]


def test_a_django_view_is_called_as_the_control(dark, sink):
    django = pytest.importorskip("django")
    from django.conf import settings  # noqa: PLC0415 -- skipped without it

    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="k")
        django.setup()
    from django.http import JsonResponse  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from django.views.decorators.http import require_GET  # noqa: PLC0415

    @require_GET
    @dark(
        candidate=lambda request, number: JsonResponse({"price": number}),
        share=("request",),
        normalize=lambda response: (response.status_code, response.content),
    )
    def price(request, number):
        return JsonResponse({"price": number})

    view = path("<int:number>", price).callback
    assert view(RequestFactory().get("/3"), number=3).content == b'{"price": 3}'
    assert view(RequestFactory().post("/3"), number=3).status_code == 405
    assert outcomes(sink) == ["match"]
    assert launch_of(price).stats().shadowed == 1


def test_pytest_fixtures_and_tests_ask_for_what_the_control_asks_for(tmp_path):
    (tmp_path / "test_shop.py").write_text(
        "import pytest\n"
        "from darkcall import dark_launch, launch_of\n"
        "from darkcall.runners import InlineRunner\n"
        "\n"
        "dark = dark_launch(candidate=lambda *a, **k: None, runner=InlineRunner(), sinks=[])\n"
        "\n"
        "@pytest.fixture\n"
        "@dark\n"
        "def price(request):\n"
        "    return len(request.fixturename)\n"
        "\n"
        "@dark\n"
        "def test_a_fixture_is_launched(price):\n"
        "    assert price == 5\n"
        "\n"
        "@pytest.mark.parametrize('x', [1, 2])\n"
        "@dark\n"
        "def test_a_parameter_is_passed(x, tmp_path):\n"
        "    assert x and tmp_path\n"
        "\n"
        "class TestShop:\n"
        "    @dark\n"
        "    def test_a_method_is_launched(self, price):\n"
        "        assert launch_of(self.test_a_method_is_launched)._counts.shadowed.value == 1\n"
    )
    assert run_pytest(tmp_path)["passed"] == 4


def run_pytest(folder):
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            folder,
            folder,
        ],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, summary = done.stdout.splitlines()
    words = summary.strip("= ").split(" in ")[0].replace(",", "").split()
    assert done.returncode == 0, done.stdout
    return {words[place + 1]: int(words[place]) for place in range(0, len(words), 2)}
