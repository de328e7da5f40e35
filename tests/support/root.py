"""Tests that only root can run."""

from typing import Final

import pytest

# Only root can run a program as another user, or mount. As any other user there is nothing to try, and a test that
# became root by itself would be worse. So a run that is not root's (a laptop, runners of .github) skips these tests.
AS_ROOT: Final = pytest.mark.skipif("os.geteuid() != 0", reason="only root can become another user, or mount")
