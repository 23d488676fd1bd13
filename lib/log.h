/* Log lines of the daemons on standard error: time, level, program, message. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

struct err;

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* PROGRAM (borrowed for ever) is printed in every line; lines below LEVEL are dropped. */
void log_init(const char *program, enum log_level level);
enum log_level log_get_level(void);
void log_set_level(enum log_level level);

/* One line; control bytes from foreign text are printed escaped. */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The line ends with the error's text: "fmt: MSG: DESCRIPTION". */
void log_write_err(enum log_level level, const struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(...)		log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)		log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...)	log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)		log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
