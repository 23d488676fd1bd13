/* Cron expressions from anybody, and when they are due. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "master_stub/marathon/definition/cron.h"
#include "master_stub/marathon/definition/zone.h"

enum { SOME_DAY_S = 1774742400 };	/* a week before the clocks are set back there */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct time_zone *zone = NULL;
	struct err e = { 0 };
	struct cron cron;

	if (text && cron_parse(text, &cron, &e) == 0 &&
	    zone_open("Australia/Lord_Howe", &zone, &e) == 0) {
		int64_t at = SOME_DAY_S;

		for (int i = 0; i < 4; i++) {
			int64_t next = cron_next(&cron, zone, at);

			if (next <= at)
				abort();
			at = next;
		}
	}
	zone_close(zone);
	free(text);
	return 0;
}
