"""`python -m resiliency.reference`, in the root of the repository, writes the pages of reference and the schema."""

from pathlib import Path

from resiliency.reference.pages import pages


def main() -> None:
    """Write what differs from what is there, and print its name."""
    for name, text in pages(Path()).items():
        path = Path(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
