/* What the programs say of themselves. */
#ifndef LIB_VERSION_H
#define LIB_VERSION_H

#define TEPUI_VERSION "0.1.0"

/* The dialects that clients test for: feature gates read these (reference/marathon.md 1.8). */
#define TEPUI_MESOS_VERSION "1.11.0"
#define TEPUI_MARATHON_VERSION "1.9.109"
#define TEPUI_METRONOME_VERSION "0.6.48"

#endif
