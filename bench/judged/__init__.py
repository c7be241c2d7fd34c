"""How much of what a review says is true, and worth a change: findings in public repositories, judged and kept."""
