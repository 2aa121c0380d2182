/* A directory of its own for each test, removed with all it holds. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temporary {
	char path[256];
	int fd;
};

static int temporary_setup(void **state)
{
	struct temporary *t = calloc(1, sizeof(*t));
	const char *base = getenv("TMPDIR");
	if (t == NULL) {
		return -1;
	}
	(void)snprintf(t->path, sizeof(t->path), "%s/minato-XXXXXX", base == NULL ? "/tmp" : base);
	if (mkdtemp(t->path) == NULL) {
		free(t);
		return -1;
	}
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return t->fd < 0 ? -1 : 0;
}

static int temporary_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static int temporary_teardown(void **state)
{
	struct temporary *t = *state;
	close(t->fd);
	int r = nftw(t->path, temporary_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return r;
}
