package agent

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// User is who the command runs as: "UID" or "UID:GID", decimal, each from 0 to
// 4294967294 (4294967295 is the kernel's -1). Names are refused: whose
// /etc/passwd would it be? Empty is "1:1".
type User string

// IDs returns the user and group. A user without a group has the group of the
// same number: never root's by omission.
func (u User) IDs() (uid, gid uint32, err error) {
	if u == "" {
		u = "1:1"
	}
	user, group, both := strings.Cut(string(u), ":")
	if !both {
		group = user
	}
	uid, ok := parseID(user)
	if ok {
		gid, ok = parseID(group)
	}
	if !ok {
		return 0, 0, fmt.Errorf("%q: want UID[:GID], numeric, each at most %d", string(u), uint32(maxID))
	}
	return uid, gid, nil
}

// maxID is the largest user or group ID.
const maxID = math.MaxUint32 - 1

func parseID(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n <= maxID
}

func (u User) validate() error {
	if _, _, err := u.IDs(); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	return nil
}
