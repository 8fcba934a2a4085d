"""A browser uploads through the page of examples/upload_page.rs, and where it may not.

    browser.py CHROMIUM PAGE

Each line of the output begins with ok or FAILED.
"""

import os
import shutil
import sys
import tempfile

from playwright.sync_api import sync_playwright

CHROMIUM, PAGE = sys.argv[1:]
failed = 0


def check(name, holds, shown):
    global failed
    failed += 0 if holds else 1
    print("ok" if holds else "FAILED", f"browser: {name}", "" if holds else shown)


def outcome(page, url, content, suffix):
    with tempfile.NamedTemporaryFile(suffix=suffix, delete=False) as file:
        file.write(content)
    page.goto(url)
    page.set_input_files("input", file.name)
    page.wait_for_function("document.querySelector('#outcome').textContent !== ''")
    os.unlink(file.name)
    return page.text_content("#outcome")


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which(CHROMIUM), args=["--no-sandbox"])
    page = browser.new_page()
    shown = outcome(page, PAGE, b"hello", ".txt")
    check("a page uploads and reads again", shown == "stored 201, read 200: 5 characters", shown)
    shown = outcome(page, PAGE, b"x" * (8 << 20), ".png")
    check("a page uploads 8 MiB", shown == "stored 201, read 200: 8388608 characters", shown)
    shown = outcome(page, PAGE, b"of no type", ".unheard-of")
    check("a page uploads what has no type", shown == "stored 201, read 200: 10 characters", shown)
    # The same page under a name that the service was not told: another origin.
    shown = outcome(page, PAGE.replace("127.0.0.1", "localhost"), b"hello", ".txt")
    check("a page of another origin is refused", shown.startswith("refused:"), shown)
    browser.close()

sys.exit(min(failed, 1))
