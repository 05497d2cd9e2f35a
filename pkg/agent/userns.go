package agent

import (
	"cmp"
	"errors"
	"fmt"
)

// UserNS is the user namespace of a container (user_namespaces(7)): its user and
// group IDs 0 to Size-1 are UID and up, GID and up, on the host. The host's root
// is never one of them: to keep away from its IDs is what this is for.
type UserNS struct {
	UID  uint32 `json:"uid"`  // 1 or more
	GID  uint32 `json:"gid"`  // 1 or more
	Size uint32 `json:"size"` // 1 or more; the last ID is 4294967294 at most
}

func (n *UserNS) validate(user User) error {
	if n == nil {
		return nil
	}
	if n.Size == 0 {
		return errors.New("userns.size: 0: want 1 or more")
	}
	if err := cmp.Or(n.validateFirst("userns.uid", n.UID), n.validateFirst("userns.gid", n.GID)); err != nil {
		return err
	}
	if uid, gid, err := user.IDs(); err == nil && (uid >= n.Size || gid >= n.Size) {
		return fmt.Errorf("user: %d:%d: not in the user namespace, which ends at %d", uid, gid, n.Size-1)
	}
	return nil
}

func (n *UserNS) validateFirst(field string, first uint32) error {
	switch last := uint64(first) + uint64(n.Size) - 1; {
	case first == 0:
		return fmt.Errorf("%s: 0: the host's root is not mapped", field)
	case last > maxID:
		return fmt.Errorf("%s: %d: the last of %d is beyond %d", field, first, n.Size, uint32(maxID))
	}
	return nil
}
