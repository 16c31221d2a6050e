"""A page in a browser, for the tests of this folder."""

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SCREEN = {"width": 1440, "height": 900}  # of which a report has eight
PATIENCE = 180_000  # ms; beside other tests a page may get a tenth of a core


class Opened:
    """A page in the browser, and what it complained of or asked the network for."""

    def __init__(self, browser, path, **context):
        self.page = browser.new_context(**context).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.faults, self.requests = [], []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.faults.append(message.text) if message.type == "error" else None,
        )
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def unfold(self):
        self.page.evaluate(
            "document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })"
        )
        return self
