"""GitLab Runner containers on hosts, and their entries at GitLab. Decides nothing: that is `pipeline.gitlab_runner`."""
