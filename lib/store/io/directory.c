/* The directory of day files: listing, summing up, retention. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/io/day-file.h"
#include "store/io/writer.h"
#include "store/store.h"

/* Gets each file of ours. @return 0 to go on, or negative errno. */
typedef int each_name(int directory, const char *name, int64_t day, enum day_name kind, void *data);

static void closedirp(DIR **stream)
{
	if (*stream != NULL) {
		(void)closedir(*stream); /* only reading */
	}
}

static int for_each(int directory, each_name *each, void *data, struct err *e)
{
	/* An own open file description: the caller's reading position stays where it is. */
	_cleanup_(close_fdp) int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return err_system(e, errno, _("cannot read the directory of events"));
	}
	_cleanup_(closedirp) DIR *stream = fdopendir(fd);
	if (stream == NULL) {
		return err_system(e, errno, _("cannot read the directory of events"));
	}
	int own = steal_fd(&fd);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (entry == NULL) {
			return errno == 0 ? 0
					  : err_system(e, errno,
						       _("cannot read the directory of events"));
		}
		int64_t day = 0;
		enum day_name kind = DAY_NAME_FILE;
		if (day_name_parse(&day, &kind, entry->d_name) == 0) {
			int r = each(own, entry->d_name, day, kind, data);
			if (r < 0) {
				return err_system(e, r, "%s", entry->d_name);
			}
		}
	}
}

static int add_day(int directory, const char *name, int64_t day, enum day_name kind, void *data)
{
	(void)directory, (void)name;
	struct day_list *list = data;
	if (kind != DAY_NAME_FILE) {
		return 0;
	}
	int64_t *item = vec_push(&list->days);
	if (item == NULL) {
		return -ENOMEM;
	}
	*item = day;
	return 0;
}

static int compare_days(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

int day_list_read(struct day_list *out, int directory, struct err *e)
{
	struct day_list list = { 0 };
	int r = for_each(directory, add_day, &list, e);
	if (r < 0) {
		vec_free(&list.days);
		return r;
	}
	if (list.days.count > 1) {
		qsort(list.days.items, list.days.count, sizeof(int64_t), compare_days);
	}
	*out = list;
	return 0;
}

static int sum_up(int directory, const char *name, int64_t day, enum day_name kind, void *data)
{
	struct store_summary *summary = data;
	struct stat status;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		return errno == ENOENT ? 0 : -errno; /* retention was quicker */
	}
	summary->bytes += (uint64_t)status.st_size;
	summary->aside += kind == DAY_NAME_ASIDE;
	if (kind == DAY_NAME_FILE) {
		if (summary->days == 0 || day < summary->first_day) {
			summary->first_day = day;
		}
		if (summary->days == 0 || day > summary->last_day) {
			summary->last_day = day;
		}
		summary->days++;
	}
	return 0;
}

int store_summary(struct store_summary *out, int directory, struct err *e)
{
	struct store_summary summary = { 0 };
	int r = for_each(directory, sum_up, &summary, e);
	if (r == 0) {
		*out = summary;
	}
	return r;
}

struct retention {
	int64_t oldest_kept;
	int64_t open_day; /* has a connection, so it stays */
	uint32_t removed;
};

static int remove_old(int directory, const char *name, int64_t day, enum day_name kind, void *data)
{
	struct retention *retention = data;
	if (day >= retention->oldest_kept || day == retention->open_day) {
		return 0;
	}
	if (unlinkat(directory, name, 0) < 0 && errno != ENOENT) {
		return -errno;
	}
	retention->removed += kind == DAY_NAME_FILE;
	return 0;
}

int store_retain(struct store *store, usec_t now, uint32_t days, uint32_t *removed, struct err *e)
{
	struct retention retention = {
		.oldest_kept = day_of((uint64_t)now) - (int64_t)days,
		.open_day = writer_day(store),
	};
	int r = for_each(writer_directory(store), remove_old, &retention, e);
	if (r == 0 && removed != NULL) {
		*removed = retention.removed;
	}
	return r;
}
