mod answers;
mod commits;
mod damage;
mod marks;
mod rig;
