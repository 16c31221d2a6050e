# The workflow and all that it needs, at the versions of envs/constraints.txt. Not built here: nobody has built this image
# yet. A test runs its commands in their order, without Docker. Begun from what `snakemake --containerize` prints.
#     docker build -t resiliency .                              # for CPUs
#     docker build -t resiliency --build-arg TORCH=cu130 .      # for NVIDIA's GPUs; run it with --gpus all
#     docker run --rm --user "$(id -u)" -v "$PWD":/work resiliency run studies/tiny.yaml
FROM python:3.11.16-bookworm@sha256:b99029c95d3d37fb1e4e76d287f7984373dca77c665885986e31b2c95260c13c
ARG TORCH=cpu
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/resiliency
COPY . .
RUN pip install --no-cache-dir --no-deps -c envs/constraints.txt \
    --index-url https://download.pytorch.org/whl/${TORCH} torch torchvision
RUN pip install --no-cache-dir -c envs/constraints.txt '.[export]'
RUN useradd resiliency
# Caches of any user, since results belong to whom --user names.
ENV HOME=/tmp
USER resiliency
WORKDIR /work
ENTRYPOINT ["resiliency"]
CMD ["--help"]
