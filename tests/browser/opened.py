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
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def show(self, charts):
        """Scroll to each of the charts that a selector names, and wait until it is live."""
        for chart in self.page.locator(charts).element_handles():
            chart.evaluate("(chart) => chart.scrollIntoView({ block: 'center' })")
            self.page.wait_for_function("(chart) => 'drawn' in chart.dataset", arg=chart)

    def draw(self):
        """Open what is folded and scroll through the page, so that all charts become live."""
        self.page.evaluate("document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })")
        self.show(".chart")
        return self
