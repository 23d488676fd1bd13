/* Path ids of apps and groups: "/group/app". */
#ifndef MASTER_STUB_MARATHON_DEFINITION_APP_ID_H
#define MASTER_STUB_MARATHON_DEFINITION_APP_ID_H

#include <stdbool.h>

/* So that a task id made of it keeps to 255 bytes. */
enum { APP_ID_MAX = 190, APP_ID_SIZE = APP_ID_MAX + 1 };

/*
 * TEXT relative to the group BASE ("/" for the root) as an absolute id: repeated slashes
 * collapsed, "." and ".." resolved.  -ENAMETOOLONG; -EINVAL when ".." leaves the root.
 */
int app_id_resolve(const char *base, const char *text, char ret_id[APP_ID_SIZE]);

/* NULL, or the sentence that says what is wrong with TEXT as the id of an app. */
const char *app_id_complaint(const char *text);
/* The same without the words that only an app must not end with: groups, dependencies. */
const char *app_id_path_complaint(const char *text);

/* Is ID the group GROUP itself or below it?  "/" holds everything. */
bool app_id_is_within(const char *id, const char *group);
/* Only below it. */
bool app_id_is_below(const char *id, const char *group);
/* The group that the absolute ID, which is not "/", is in. */
void app_id_parent(const char *id, char ret_id[APP_ID_SIZE]);

/* "/group/app" as "group_app": the front of its instances' ids. */
void app_id_to_safe(const char *id, char ret_safe[APP_ID_SIZE]);

#endif
