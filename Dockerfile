# Philtrum in a container: the app, its weights, nothing fetched at run time.
#
#   docker build -t philtrum .
#   docker run --rm --gpus all -p 127.0.0.1:7860:7860 --read-only --tmpfs /tmp:size=2g philtrum
#
# Without an NVIDIA card leave --gpus all out: the same image runs on the processor. Options of app.py go at the end.
#
# Why this base: PyTorch's wheels bring CUDA 13's libraries (cuBLAS, cuDNN, NCCL) themselves, so the image needs only what
# no wheel has: the driver's compatibility layer and the variables by which NVIDIA's container runtime finds the card.
# That is the smallest of NVIDIA's CUDA images ("base": libcudart and nothing more), of the CUDA release of those wheels.
# Ubuntu 24.04 carries Python 3.12, which every pin has a wheel for.
FROM nvidia/cuda:13.0.2-base-ubuntu24.04

# OpenCV links to libGL and glib. Versions are left to the distribution so that a rebuild takes its security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libgl1 libglib2.0-0t64 python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin philtrum \
    && python3 -m venv /opt/philtrum
ENV PATH=/opt/philtrum/bin:$PATH

WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -c constraints.txt

COPY LICENSE README.md app.py ./
COPY assets assets
COPY pipelines pipelines
COPY ui ui
COPY weights weights

# The app's user may read everything, whatever the builder's umask was, and change nothing. A damaged weights file fails
# the build, not the clinic.
RUN chmod -R a+rX . \
    && python -m pipelines weights verify

# Everything that is written at run time (uploads, results until they are fetched, font cache) goes below /tmp, which may
# be a tmpfs: then no photo touches a disk. No library calls home, and the health check asks no proxy.
ENV GRADIO_TEMP_DIR=/tmp/philtrum \
    MPLCONFIGDIR=/tmp/matplotlib \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_OFFLINE=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    NO_PROXY=127.0.0.1,localhost \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

USER 10001

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=4)"]

# 0.0.0.0 inside the container; who reaches it is decided by -p (127.0.0.1:7860:7860 keeps it on this computer).
ENTRYPOINT ["python", "app.py", "--host", "0.0.0.0"]
