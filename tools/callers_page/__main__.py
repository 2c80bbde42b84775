"""`make docs`: renew what the guide generates, and write the page as docs/callers.html."""

from typing import Final

from tools.bootstrap import ROOT
from tools.callers_page import guide, page
from tools.terminal import err

PAGE: Final = ROOT / "docs" / "callers.html"


def main() -> None:
    """Write both."""
    guide.GUIDE.write_text(
        guide.renew_blocks(guide.GUIDE.read_text(encoding="utf-8")), encoding="utf-8"
    )
    PAGE.write_text(page.build().html, encoding="utf-8")
    err.print(f"{PAGE.relative_to(ROOT)} is written.")


if __name__ == "__main__":
    main()
