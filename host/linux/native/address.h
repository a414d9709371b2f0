/* Addresses of sockets, as the calls with an address share them. */
#pragma once

#include "native.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un local;
  struct sockaddr_storage storage;
};

/* socket.c: the address of host argv[index] and port argv[index + 1]; its length, or -EINVAL. */
int address_of(const struct call *call, int index, union address *address);
