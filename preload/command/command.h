/* The subcommands of `winapi`.  Each gets its own arguments, argv[0] being its name, and returns the exit code. */
#ifndef WINAPI_PRELOAD_COMMAND_COMMAND_H
#define WINAPI_PRELOAD_COMMAND_COMMAND_H

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_stubs(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_stat(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_route(int argc, char **argv);

#endif
