"""Which folders the distribution holds; everything else of it stands in pyproject.toml, which cannot say this.

``weights/`` and ``assets/`` lie beside the packages in a checkout and inside them where they are installed;
:func:`pipelines.files.shipped` finds them in both places.
"""

from setuptools import find_packages, setup

DATA = {"pipelines.weights": "weights", "ui.assets": "assets", "ui.assets.faces": "assets/faces"}

setup(packages=[*find_packages(include=["pipelines", "pipelines.*", "ui", "ui.*"]), *DATA], package_dir=DATA)
