# A thin front: every line here calls meson or a script in tools/.
.PHONY: all run check lint fuzz bench install clean

all:
	@tools/setup
	@tools/build build

run: all
	@tools/run

check:
	@tools/setup packaging/web-packages.txt
	@tools/setup-web
	@tools/check

lint: all
	@tools/setup packaging/lint-packages.txt
	@tools/lint

fuzz:
	@tools/setup
	@tools/fuzz

bench: all
	@tools/setup packaging/bench-packages.txt
	@tools/bench

install: all
	meson install -C build

clean:
	rm -rf build build-sanitized build-fuzz
